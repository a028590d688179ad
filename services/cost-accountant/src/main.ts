import "reflect-metadata";
import { runService } from "@sluice/service-host";
import { AppModule } from "./app.module.ts";
import { configSchema } from "./config.ts";
import { createHttp } from "./costs/http/create-http.ts";

await runService({
  name: "cost-accountant",
  config: configSchema,
  module: AppModule.forRoot,
  create: createHttp,
});
