#include <cstdio>

#include "bench/lab_table.h"

int main() {
  for (const auto& lab : aisp::bench::builtin_labs()) std::printf("%s:%s\n", lab.chapter, lab.name);
}
