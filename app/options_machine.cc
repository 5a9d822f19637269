// The options of `aisp machine`. See options_machine.h.
#include "app/options_machine.h"

namespace aisp::app {

void add_machine_options(CLI::App* machine, MachineOptions& o) {
  CLI::Option* json = machine->add_flag("--json", o.json, "As JSON");
  machine->add_flag("--ceilings,!--no-ceilings", o.ceilings, "Measured ceilings");
  machine->add_flag("--costs,!--no-costs", o.costs,
                    "Also latencies, pages, threads, loopback network and disk");
  machine->add_option("--disk", o.disk, "Folder on the disk to measure");
  machine->add_flag("--refresh", o.refresh, "Measure again, even where the cache has them");
  machine->add_option("--seconds", o.seconds, "Time for measuring")->check(CLI::PositiveNumber);
  CLI::Option* topology = machine->add_flag("--topology", o.topology,
                                            "What is near what: packages, caches, cores, devices");
  machine->add_option("--svg", o.svg, "Also draw the topology into this file");
  CLI::Option* watch =
      machine
          ->add_option_function<std::vector<double>>(
              "--watch",
              [&o](const std::vector<double>& seconds) {
                o.watch = true;
                // 0 stands for "no value given": the range below excludes it as a value.
                if (!seconds.empty() && seconds[0] > 0) o.watch_seconds = seconds[0];
              },
              "Show clocks, load, pressure, memory, heat and GPUs every second, or every SECONDS")
          ->expected(0, 1)
          ->check(CLI::Range(0.05, 3600.0));
  watch->excludes(json)->excludes(topology);
  machine->add_option("--count", o.count, "Samples of --watch; 0: until interrupted")
      ->check(CLI::NonNegativeNumber)
      ->needs(watch);
}

}  // namespace aisp::app
