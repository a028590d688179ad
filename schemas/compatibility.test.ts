import avro from "avsc";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bundle } from "@sluice/avro-to-ts/bundle";
import { readSchemas, releasesOf, topicRecords } from "@sluice/avro-to-ts/generate";

const schemas = readSchemas();

for (const name of topicRecords) {
  const releases = releasesOf(name).toSorted((a, b) => numberOf(a) - numberOf(b));

  test(`the newest release of ${name} is the schema in use`, () => {
    const newest = releases.at(-1);
    expect(newest, `npm run contracts -- --release`).toBeDefined();
    expect(read(newest!)).toEqual(bundle(name, schemas));
  });

  for (const released of releases)
    test(`${name} is fully compatible with ${released}`, () => {
      const today = () => avro.Type.forSchema(JSON.parse(JSON.stringify(bundle(name, schemas))));
      const before = () => avro.Type.forSchema(read(released));
      expect(() => today().createResolver(before()), "reads data of the release").not.toThrow();
      expect(
        () => before().createResolver(today()),
        "its data is read with the release",
      ).not.toThrow();
    });
}

function read(path: string): avro.Schema {
  return JSON.parse(readFileSync(join(import.meta.dirname, path), "utf8"));
}

function numberOf(path: string): number {
  return Number(/(\d+)\.avsc$/.exec(path)?.[1]);
}
