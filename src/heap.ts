/**
 * Media counts for V8 as external memory beside a heap of some 20 MB, and would make it collect all of that every
 * second. With five times the heap between two collections they are rare, for at most 100 MB.
 */
export const HEAP_GROWING_PERCENT = 400;
