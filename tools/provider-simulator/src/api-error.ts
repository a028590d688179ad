/** A refusal of a request, with OpenAI's status and error envelope. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    {
      type = "invalid_request_error",
      code = null,
      param = null,
      headers = {},
    }: {
      readonly type?: string;
      readonly code?: string | null;
      readonly param?: string | null;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(message);
    this.status = status;
    this.type = type;
    this.code = code;
    this.param = param;
    this.headers = headers;
  }

  /** Returns the body of the response. */
  envelope(): object {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }
}

/** Returns the refusal of a request that OpenAI would not accept, status 400. */
export function badRequest(message: string, param: string | null = null): ApiError {
  return new ApiError(400, message, { param });
}
