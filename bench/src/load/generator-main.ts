import { Generator } from "./generator.ts";
import type { Load } from "./load.ts";

// Generates one load after another. It is a separate process, so that its CPU can be measured separately.
process.on("message", (load: Load) => {
  void new Generator(load).run().then((result) => process.send?.(result));
});
process.on("disconnect", () => process.exit(0));
