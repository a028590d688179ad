import { flightsContract } from "./flights.contract.ts";
import { InMemoryFlights } from "./in-memory-flights.ts";

const flights = new InMemoryFlights();
flightsContract("in memory", () => flights);
