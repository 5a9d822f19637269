#include "machine/ceilings.h"
namespace aisp::machine {
double Ceilings::compute_gflop_per_s(DType, int, bool) const { return 0; }
double Ceilings::bandwidth_gb_per_s(const Cpu&, std::size_t, int, bool, bool) const { return 0; }
void Ceilings::raise_to(const Ceilings&) {}
Ceilings measure_ceilings(const Cpu&, const CeilingOptions&) { return {}; }
Ceilings load_or_measure_ceilings(const Cpu&, const CeilingOptions&, bool) { return {}; }
std::string to_json(const Ceilings&) { return "{}"; }
}
