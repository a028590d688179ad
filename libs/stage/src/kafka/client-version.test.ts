import { Defect } from "@sluice/domain";
import { expect, test } from "vitest";
import { assertClientVersion } from "./client-version.ts";

test("the installed version of kafkajs is the one for which the patches were written", () => {
  expect(() => assertClientVersion()).not.toThrow();
});

test.each(["2.2.3", "2.2.5", "2.3.0-beta.3", "3.0.0"])(
  "kafkajs %s ends the start with a defect that says what to do",
  (installed) => {
    const act = () => assertClientVersion(installed);
    expect(act).toThrow(Defect);
    expect(act).toThrow(
      expect.objectContaining({
        code: "STAGE_KAFKAJS_UNSUPPORTED",
        message: `kafkajs ${installed} is installed, but Sluice needs 2.2.4, whose internals it replaces. Run "npm ci", which installs the version in package-lock.json.`,
      }),
    );
  },
);
