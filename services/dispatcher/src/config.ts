import { declarationKeys, platformKeys, stateKeys } from "@sluice/service-host";
import { z } from "zod";

export const configSchema = z.object({ ...platformKeys, ...stateKeys, ...declarationKeys });

export type Config = z.output<typeof configSchema>;
