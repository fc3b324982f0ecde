/** Every error code that leaves the server, with the HTTP status REST answers. The only place that maps them. */
export const ERROR_STATUS = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  STREAM_NOT_FOUND: 404,
  CONNECTION_NOT_FOUND: 404,
  RECORDING_NOT_FOUND: 404,
  CAPTURE_NOT_FOUND: 404,
  HOOK_NOT_FOUND: 404,
  REPORT_NOT_FOUND: 404,
  FILE_NOT_FOUND: 404,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  STREAM_NAME_IN_USE: 409,
  CAPTURE_IN_USE: 409,
  RECORDING_UNFINISHED: 409,
  HOOK_UNFINISHED: 409,
  EXPORT_IMPOSSIBLE: 409,
  NO_COMMON_CODECS: 406,
  PRECONDITION_FAILED: 412,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RANGE_NOT_SATISFIABLE: 416,
  DISK_FULL: 507,
  NOT_IMPLEMENTED: 501,
  SHUTTING_DOWN: 503,
  LIMIT_REACHED: 503,
  RECORDING_FAILED: 500,
  CAPTURE_UNAVAILABLE: 500,
  SNAPSHOT_FAILED: 500,
  EXPORT_FAILED: 500,
  PICTURE_FAILED: 500,
  INTERNAL: 500,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** An error that a client may be told about. `message` names the field and the reason. */
export class RecorderdError extends Error {
  override readonly name = 'RecorderdError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** HTTP status of {@link ERROR_STATUS}. */
  get status(): number {
    return ERROR_STATUS[this.code];
  }
}
