import * as littlefs from 'littlefs-vfs';

console.log(`littlefs-vfs offers ${Object.keys(littlefs).sort().join(', ')}`);
