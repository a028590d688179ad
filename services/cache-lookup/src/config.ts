import { cacheKeys, declarationKeys, platformKeys, stateKeys } from "@sluice/service-host";
import { z } from "zod";

export const configSchema = z.object({
  ...platformKeys,
  ...stateKeys,
  ...cacheKeys,
  ...declarationKeys,
});

export type Config = z.output<typeof configSchema>;
