#include "report/html.h"
namespace aisp::report { std::string render_html(const bench::RunRecord&) { return "<html></html>"; } }
