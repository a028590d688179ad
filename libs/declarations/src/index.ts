export {
  type ApiKey,
  type CachePolicy,
  Declarations,
  type Dialect,
  type Provider,
  type Variant,
} from "./declarations.ts";
export { DeclarationsInvalid, FileDeclarations } from "./file-declarations.ts";
export { type DeclarationError, type Parsed, parseDeclarations } from "./parse.ts";
