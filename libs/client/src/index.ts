export { type CompletedResponse, SluiceClient } from "./client.ts";
export {
  AnswerTimedOut,
  type ClientErrorCode,
  RequestDeclined,
  RequestFailed,
  RequestNotSent,
  SluiceError,
  Unreachable,
} from "./errors.ts";
export type { AskOptions, ClientOptions, ReadOptions, SendOptions } from "./options.ts";
export type { Records } from "./records.ts";
export type { Request } from "./request.ts";
export { signingKeyOf } from "./signing-key.ts";
export { signedHeaders, type SigningKey, type UnsignedMessage } from "@sluice/contracts";
