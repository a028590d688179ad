export { openAiRequestMembers } from "./additional-members.ts";
export {
  type AdditionalMembers,
  type ApiKey,
  type CachePolicy,
  Declarations,
  type Dialect,
  type Limit,
  type PromptCache,
  type Protocol,
  type Provider,
  type Variant,
} from "./declarations.ts";
export { plainDialect } from "./dialect.ts";
export { DeclarationsInvalid, FileDeclarations, readDeclared } from "./file-declarations.ts";
export { type LimitDimension, limitDimensions } from "./limits/limits-schema.ts";
export { type DeclarationError, type Parsed, parseDeclarations } from "./parse.ts";
export { perVersion } from "./per-version.ts";
export { type PresetName, presetNames } from "./presets.ts";
export { clientNameForm, isAllowedName, isClientName } from "./tenants/may-name.ts";
