import { platformKeys } from "@sluice/service-host";
import { z } from "zod";

export const configSchema = z.object({ ...platformKeys });

export type Config = z.output<typeof configSchema>;
