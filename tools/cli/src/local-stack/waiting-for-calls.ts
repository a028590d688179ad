/** After this time, stopping is unusual enough to be explained. */
export const WAITING_SHOWN_AFTER_MS = 6_000;

/** Why stopping takes long. */
export const waitingForCalls =
  "Waiting for provider calls that run, because they are paid (SLUICE_ADAPTER_DRAIN_MS, at most 100 s if it is not set).";
