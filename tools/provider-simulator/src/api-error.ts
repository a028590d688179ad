/** A refusal in OpenAI's envelope. */
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

  envelope(): object {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }
}

/** The request is not one OpenAI would take. */
export function badRequest(message: string, param: string | null = null): ApiError {
  return new ApiError(400, message, { param });
}
