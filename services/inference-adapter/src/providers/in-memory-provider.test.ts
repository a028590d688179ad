import { InMemoryProvider, scriptedByMarkers } from "./in-memory-provider.ts";
import { providerContract } from "./provider.contract.ts";

providerContract("the in-memory fake", () => new InMemoryProvider(scriptedByMarkers));
