// Texts that CMake makes part of the program (aisp_embed_text).
#pragma once

#include <string_view>

namespace aisp::doctor {

std::string_view embedded_checklist();  // doctor/checklist.tsv
std::string_view embedded_decided();    // doctor/trees/decided.txt

}  // namespace aisp::doctor
