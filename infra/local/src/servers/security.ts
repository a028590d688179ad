/**
 * Name and password. Both contain only letters and digits, because they are written into files of several
 * syntaxes.
 */
export interface Account {
  readonly name: string;
  readonly password: string;
}

/**
 * The accounts of the Kafka that the launcher starts. The broker then refuses every client without one, and everything
 * that no ACL grants.
 */
export interface KafkaAccounts {
  /** The administrator, who may do everything. The other users may do what ACLs grant to them. */
  readonly admin: Account;
  readonly users: readonly Account[];
  /** Not set: the listener is for clients of this machine, without TLS. It accepts SCRAM-SHA-512, and PLAIN from the broker itself. */
  readonly tls?: KafkaTls;
}

/** TLS of a listener that also accepts PLAIN and SCRAM-SHA-256, and another listener that requires a client certificate. */
export interface KafkaTls {
  /** PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly certificatePort: number;
}

/**
 * Security settings of the parts that a stack starts: TLS, accounts, and access only to what is granted.
 * Without them the parts accept every local connection. The registry has no such settings and is not
 * started: set SLUICE_REGISTRY_URL to one.
 */
export interface StackSecurity {
  /** PEM files. The certificate is for 127.0.0.1 and signed by the CA; the key is PKCS #8. */
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly kafka: {
    /** The administrator, who may do everything. The other users may do what ACLs grant to them. */
    readonly admin: Account;
    /** Each user can log in with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
    readonly users: readonly Account[];
    /** Port of another listener, which requires a client certificate and identifies the client by its subject. */
    readonly certificatePort: number;
  };
  /** The account of each server. It may use every key, but no administrative or dangerous command except INFO. */
  readonly redis: { readonly redis: Account; readonly "cache-redis": Account };
  /** Only the owner may connect to the ledger's database. The other accounts have no access to it. */
  readonly ledger: { readonly owner: Account; readonly others: readonly Account[] };
}
