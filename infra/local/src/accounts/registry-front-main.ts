import { openRegistryFront, type RegistryFrontOptions } from "./registry-front.ts";

// The program in front of the registry. The launcher passes its options in one variable.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- registry-front-program.ts writes it
const options = JSON.parse(process.env["REGISTRY_FRONT_OPTIONS"] ?? "{}") as RegistryFrontOptions;
const server = await openRegistryFront(options);
process.once("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
