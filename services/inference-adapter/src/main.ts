import "reflect-metadata";
import { runService } from "@sluice/service-host";
import { AppModule } from "./app.module.ts";
import { adapterConfig } from "./config.ts";

await runService({
  name: "inference-adapter",
  config: adapterConfig,
  module: AppModule.forRoot,
});
