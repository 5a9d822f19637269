// A vendor's library that is loaded when it is there, and whose functions are called by name: what
// an older release lacks answers like a function that refuses.
#pragma once

#include <dlfcn.h>

#include <string>

namespace aisp::machine {

class RunTimeLibrary {
 public:
  /// Nothing is loaded for an empty name. Never unloaded: drivers keep threads and handlers.
  explicit RunTimeLibrary(const std::string& name) {
    if (name.empty()) return;
    handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) {
      const char* text = dlerror();
      why_not_ = text == nullptr ? name + " cannot be loaded" : text;
    }
  }

  bool loaded() const { return handle_ != nullptr; }
  const std::string& why_not() const { return why_not_; }

  /// Calls a C function that returns an int; `missing` when the library has no such function. The
  /// arguments must have the very types of its declaration: nothing converts them.
  template <class... Arguments>
  int call(int missing, const char* function, Arguments... arguments) const {
    void* address = handle_ == nullptr ? nullptr : dlsym(handle_, function);
    if (address == nullptr) return missing;
    return reinterpret_cast<int (*)(Arguments...)>(address)(arguments...);
  }
  void* symbol(const char* name) const {
    return handle_ == nullptr ? nullptr : dlsym(handle_, name);
  }

 private:
  void* handle_ = nullptr;
  std::string why_not_;
};

}  // namespace aisp::machine
