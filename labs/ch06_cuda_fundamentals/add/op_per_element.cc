// Each element goes through an operation of a framework: boxed into a value that carries its type,
// sent through a table of kernels by type, added behind a virtual call, unboxed. This is the least
// that an eager framework does for an operation on a scalar; real ones also allocate the result,
// take references, check for autograd and return through an interpreter, which costs them
// microseconds instead of nanoseconds.
// Source: the dispatcher of PyTorch (c10/core/dispatch): boxed values, a table by dispatch key.
#include <array>
#include <cstdint>

#include "labs/ch06_cuda_fundamentals/add/problem.h"

namespace aisp::labs::ch06::add {
namespace {

struct Value {
  enum class Kind : std::uint8_t { kF32, kF64, kI64 };
  Kind kind = Kind::kF32;
  union {
    float f32;
    double f64;
    std::int64_t i64;
  };
};

class Operation {
 public:
  virtual ~Operation() = default;
  virtual void call(const Value* arguments, Value* result) const = 0;
};

template <class T, T Value::*field, Value::Kind kind>
class AddOf final : public Operation {
 public:
  void call(const Value* arguments, Value* result) const override {
    result->kind = kind;
    result->*field = arguments[0].*field + arguments[1].*field;
  }
};

/// The kernel for the types of two arguments. Not inlined, as in a library that is linked.
__attribute__((noinline)) const Operation& find_add(Value::Kind a, Value::Kind b) {
  static const AddOf<float, &Value::f32, Value::Kind::kF32> f32;
  static const AddOf<double, &Value::f64, Value::Kind::kF64> f64;
  static const AddOf<std::int64_t, &Value::i64, Value::Kind::kI64> i64;
  static const std::array<const Operation*, 3> table = {&f32, &f64, &i64};
  check(a == b, "op_per_element: both arguments have one type");
  return *table[static_cast<std::size_t>(a)];
}

}  // namespace

bench::Technique op_per_element() {
  return {.name = "op_per_element",
          .summary = "boxed values through a table of kernels and a virtual call, one by one",
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              const Arrays a = arrays_of(io);
              for (std::size_t i = 0; i < a.count; ++i) {
                Value arguments[2], result;
                arguments[0].f32 = a.x[i];
                arguments[1].f32 = a.y[i];
                find_add(arguments[0].kind, arguments[1].kind).call(arguments, &result);
                a.out[i] = result.f32;
              }
            });
          }};
}

}  // namespace aisp::labs::ch06::add
