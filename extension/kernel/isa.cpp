// SPDX-License-Identifier: PostgreSQL
#include "kernel/distance.hpp"

namespace vx::kernel
{

const char *
isa_name(Isa isa) noexcept
{
    switch (isa) {
    case Isa::scalar:
        return "scalar";
    case Isa::avx2:
        return "avx2";
    case Isa::avx512:
        return "avx512";
    }
    return "unknown";
}

} // namespace vx::kernel
