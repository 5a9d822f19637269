// See load_page.h.
#include "report/load_page.h"
namespace aisp::report {
std::string load_html(const nlohmann::ordered_json& record) { return record.dump(); }
}  // namespace aisp::report
