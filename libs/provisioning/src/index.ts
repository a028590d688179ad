export {
  type Access,
  aclCommandOf,
  clientRules,
  principalOf,
  type ServiceAccount,
  serviceAccess,
  serviceAccounts,
  serviceRules,
  type TenantAccess,
  tenantPrincipalOf,
  tenantRules,
} from "./access.ts";
export { provisioningOptionsOf, provisioningSchema } from "./environment.ts";
export {
  provision,
  type Provisioned,
  type ProvisioningFaultCode,
  type ProvisioningOptions,
} from "./provision.ts";
