// The doorway to OpenBLAS: its CBLAS interface, found through pkg-config.
#include <cblas.h>
