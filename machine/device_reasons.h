// Why a CUDA device cannot be used, or what a result from it must say, in one line each: pure
// functions of what the runtime answered, so that tests show what the card at hand does not.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "machine/device.h"

namespace aisp::machine {

/// What the runtime said when it was asked for devices.
struct DeviceAnswer {
  bool driver_too_old = false;  // cudaErrorInsufficientDriver; also where there is none
  bool no_device = false;       // cudaErrorNoDevice
  std::string other_error;      // any other, as text; "" for none
  int count = 0;
  int driver_version = 0, runtime_version = 0;  // 13000 is 13.0; driver 0: none
  std::optional<std::string> visible;           // CUDA_VISIBLE_DEVICES, where it is set
};

/// "" when there is a device; otherwise what to mend.
std::string why_no_device(const DeviceAnswer& answer);

/// "" when a build for these architectures ("80-virtual,90a-real") has code that the device runs:
/// its own, machine code of an older minor version, or PTX of any older one; otherwise what to do.
std::string why_no_code(std::string_view architectures, const CudaDevice& device);

/// True for a part of a GPU (MIG): its neighbours share power, clocks and links. By its name, as
/// the runtime gives it: "NVIDIA H200 MIG 1g.18gb".
bool is_mig_slice(const CudaDevice& device);

}  // namespace aisp::machine
