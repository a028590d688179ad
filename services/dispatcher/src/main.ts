import "reflect-metadata";
import { runService } from "@sluice/service-host";
import { AppModule } from "./app.module.ts";
import { configSchema } from "./config.ts";

await runService({ name: "dispatcher", config: configSchema, module: AppModule.forRoot });
