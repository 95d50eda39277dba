// The version of this package, compared with package.json by a test: a bundle has no package.json.

/** Version of every program in this package. */
export const version = '0.1.0'
