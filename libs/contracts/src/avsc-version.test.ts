import { Defect } from "@sluice/domain";
import { expect, test } from "vitest";
import { assertAvscVersion } from "./avsc-version.ts";

test("the installed version of avsc is the one for which the overrides were written", () => {
  expect(() => assertAvscVersion()).not.toThrow();
});

test.each(["5.7.8", "5.7.10", "6.0.0-alpha.15"])(
  "avsc %s ends the start with a defect that says what to do",
  (installed) => {
    const act = () => assertAvscVersion(installed);
    expect(act).toThrow(Defect);
    expect(act).toThrow(
      expect.objectContaining({
        code: "CONTRACT_AVSC_UNSUPPORTED",
        message: `avsc ${installed} is installed, but Sluice needs 5.7.9, whose private methods it overrides. Run "npm ci", which installs the version in package-lock.json.`,
      }),
    );
  },
);
