/** A page with nothing on it, and without the SDK. */
export {};
