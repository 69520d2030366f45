// biome-ignore lint/style/useNodejsImportProtocol: both are in use
const fs = require('fs');
const { readFile } = require('node:fs/promises');

module.exports = {
  load: (path) => fs.readFileSync(path, 'utf8'),
  loadLater: (path) => readFile(path, 'utf8'),
  loadBuiltin: (path) => process.getBuiltinModule?.('fs').readFileSync(path, 'utf8') ?? fs.readFileSync(path, 'utf8'),
};
