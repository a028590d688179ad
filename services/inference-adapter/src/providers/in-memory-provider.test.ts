import { InMemoryProvider, scriptedByMarkers } from "./in-memory-provider.ts";
import { embeddingsContract, providerContract } from "./provider.contract.ts";

const provider = () => new InMemoryProvider(scriptedByMarkers);

providerContract("in memory", provider);
embeddingsContract("in memory", provider);
