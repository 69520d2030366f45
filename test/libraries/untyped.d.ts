// Packages that have no declarations of their own: the tests take what they give as it comes.
declare module 'fs-monkey';
declare module 'linkfs';
declare module 'proper-lockfile';
declare module 'resolve';
declare module 'serve-handler';
declare module 'tar-fs';
