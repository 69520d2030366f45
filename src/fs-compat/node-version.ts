/**
 * The Node this runs on: where its versions answer differently, the module answers as the one around it does.
 *
 * @module
 */

export const nodeMajor: number = Number.parseInt(process.versions.node, 10);
