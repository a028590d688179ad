/** Name and password; of letters and digits, as they stand in files of several languages. */
export interface Account {
  readonly name: string;
  readonly password: string;
}

/**
 * Locks for the parts that a stack starts, in place of open doors: TLS, accounts, and nothing permitted
 * that was not granted. The registry has none and is not started: name one in the environment.
 */
export interface StackSecurity {
  /** PEM files. The certificate is for 127.0.0.1 and signed by the CA; the key is PKCS #8. */
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly kafka: {
    /** May do everything; the others what is granted to them (ACLs). */
    readonly admin: Account;
    /** Known by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
    readonly users: readonly Account[];
    /** A further listener that asks for a client certificate, and knows who it is by its subject. */
    readonly certificatePort: number;
  };
  /** The first is asked for readiness; all may use every key, and no command that endangers the server. */
  readonly redis: readonly [Account, ...Account[]];
  /** The owner alone may connect to the ledger's database; the others exist. */
  readonly ledger: { readonly owner: Account; readonly others: readonly Account[] };
}
