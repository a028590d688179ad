import { InMemoryProvider, scriptedByMarkers } from "./in-memory-provider.ts";
import { providerContract } from "./provider.contract.ts";

providerContract("in memory", () => new InMemoryProvider(scriptedByMarkers));
