// biome-ignore lint/style/useNodejsImportProtocol: both are in use
import { readFileSync } from 'fs';

export const load = (path) => readFileSync(path, 'utf8');
