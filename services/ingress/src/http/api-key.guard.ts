import type { ApiKey } from "@sluice/declarations";
import { ApiError } from "./api-error.ts";
import type { ApiKeys } from "../admission/api-keys.ts";

/** Who calls, or 401. */
export class Authentication {
  constructor(private readonly keys: ApiKeys) {}

  /** @throws ApiError 401 `invalid_api_key`, which does not say what is wrong with the key. */
  keyOf(authorization: string | undefined): ApiKey {
    const key = this.keys.authenticate(authorization);
    if (key) return key;
    throw new ApiError(
      401,
      "invalid_api_key",
      "The API key is missing, unknown or revoked; send 'Authorization: Bearer sk-sluice-…'.",
    );
  }
}
