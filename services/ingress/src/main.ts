import "reflect-metadata";
import { runService } from "@sluice/service-host";
import { AppModule } from "./app.module.ts";
import { configSchema } from "./config.ts";
import { createHttp, listenHttp } from "./http/http.ts";

await runService({
  name: "ingress",
  config: configSchema,
  module: AppModule.forRoot,
  create: createHttp,
  listen: listenHttp,
});
