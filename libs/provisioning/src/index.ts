export { provision, type Provisioned, type ProvisioningOptions } from "./provision.ts";
