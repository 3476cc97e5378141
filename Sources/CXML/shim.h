// CXML: libxml2, of which Kinglet uses the parser for HTML as it is found on the web.

#include <libxml/xmlversion.h>
// Debian's libxml2 is built with ICU, whose headers clash with those that Foundation carries. Nothing here needs them.
#undef LIBXML_ICU_ENABLED

#include <libxml/HTMLparser.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>

// `xmlFree` is a variable that holds a function, which Swift's checks of concurrency do not let pass.
static inline void kinglet_xml_free(void *memory) { xmlFree(memory); }
