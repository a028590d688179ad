/** The dialect of a model that declares none: OpenAI's API. */
export { plainDialect } from "@sluice/declarations";
