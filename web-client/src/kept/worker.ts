// The service worker. The build fills in what is to be kept, and gives it the name that pages register.

import { type Kept, type Scope, serve } from "./serve.ts";

serve(globalThis as unknown as Scope, "__KEPT__" as unknown as Kept);
