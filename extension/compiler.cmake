# Warnings, visibility and sanitizers for all of our own code. Instruction-set flags are never set
# here: a kernel file gets them one by one (extension/kernel), the rest runs on any x86-64.
add_library(vx_compiler INTERFACE)
target_compile_options(vx_compiler INTERFACE
  -Wall -Wextra -Wshadow=local -Wpointer-arith -Wformat-security -Wimplicit-fallthrough
  -fno-strict-aliasing -fwrapv # what PostgreSQL itself is compiled with
  -fno-omit-frame-pointer
  -ffp-contract=off            # results must not depend on the compiler's mood; kernels opt in
  $<$<COMPILE_LANGUAGE:CXX>:-fvisibility=hidden -fvisibility-inlines-hidden -fno-gnu-unique>
  $<$<BOOL:${VECMESH_WERROR}>:-Werror>)
if(VECMESH_SANITIZE)
  target_compile_options(vx_compiler INTERFACE -fsanitize=${VECMESH_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(vx_compiler INTERFACE -fsanitize=${VECMESH_SANITIZE})
endif()
target_include_directories(vx_compiler INTERFACE
  ${CMAKE_SOURCE_DIR}/extension ${CMAKE_SOURCE_DIR})
