# stepbench_isa_objects(target source TABLE): compiles `source`, whose includes define no function that another file may
# define, once for each instruction set, whatever CPU the rest is compiled for, into `target`. STEPBENCH_TABLE is then
# the name of what it defines: kPortable${TABLE}, kAvx2${TABLE}, kAvx512${TABLE}. core/isa.hpp says which to use.
set(STEPBENCH_ISAS Portable)
set(STEPBENCH_ISA_OPTIONS_Portable "")
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  list(APPEND STEPBENCH_ISAS Avx2 Avx512)
  set(STEPBENCH_ISA_OPTIONS_Portable -march=x86-64)
  # What has_isa() in core/isa.cpp asks the CPU for, and no more.
  set(STEPBENCH_ISA_OPTIONS_Avx2 -march=x86-64 -mavx2 -mfma)
  # Left to itself, GCC takes half of the vectors' width for passes.
  set(STEPBENCH_ISA_OPTIONS_Avx512 ${STEPBENCH_ISA_OPTIONS_Avx2} -mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl
      -mprefer-vector-width=512)
  set(STEPBENCH_ISA_OPTIONS_Avx512bf16 ${STEPBENCH_ISA_OPTIONS_Avx512} -mavx512bf16)
endif()
# Neither flag changes a value: the first lets sqrt become an instruction, the second lets `#pragma omp simd` say where
# a sum may be reordered.
set(STEPBENCH_KERNEL_OPTIONS -fno-math-errno -fopenmp-simd)

function(stepbench_isa_objects target source table)
  foreach(isa IN LISTS STEPBENCH_ISAS)
    stepbench_isa_object(${target} ${source} ${isa} ${table})
  endforeach()
endfunction()

# The same for one of them; of Avx512bf16, which few files have something of, too.
function(stepbench_isa_object target source isa table)
  set(options ${STEPBENCH_CODE_GENERATION})
  list(REMOVE_ITEM options -march=native)
  set(objects ${target}_${isa})
  add_library(${objects} OBJECT ${source})
  target_compile_options(${objects} PRIVATE ${STEPBENCH_WARNINGS} ${options} ${STEPBENCH_KERNEL_OPTIONS}
    -fno-exceptions ${STEPBENCH_ISA_OPTIONS_${isa}})  # what clang would define for them, it defines in every file
  target_compile_definitions(${objects} PRIVATE STEPBENCH_TABLE=k${isa}${table})
  target_include_directories(${objects} PRIVATE ${PROJECT_SOURCE_DIR})
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  set_property(GLOBAL APPEND PROPERTY STEPBENCH_ISA_OBJECTS ${objects})
endfunction()
