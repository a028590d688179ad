export { type Plan, planApply } from "./apply.ts";
export { type Change, type ChangedField, nameOf } from "./changes.ts";
export { ControlDeclarations, type ControlParts } from "./control-declarations.ts";
export { ControlReader } from "./control-reader.ts";
export { entriesOf } from "./entries.ts";
