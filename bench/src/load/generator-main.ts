import { Generator } from "./generator.ts";
import type { Load } from "./load.ts";

// One load after another, in a process of its own so that its CPU can be told from all others'.
process.on("message", (load: Load) => {
  void new Generator(load).run().then((result) => process.send?.(result));
});
process.on("disconnect", () => process.exit(0));
