//! A block, the content of a stage: any Burn module with a `forward`, as a trait object, so that an architecture is one
//! file, in this crate or in another.
//!
//! Burn's `Module` can't be made into an object: visitors and mappers of parameters are type parameters, and so is the rank
//! of each tensor. Both are erased here. A parameter passes as `dyn Any`, and is one of those of [`ranks!`].

use std::any::Any;
use std::fmt;

use burn::module::{
    Content, DisplaySettings, Flag, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
    Param,
};
use burn::tensor::{Bool, Device, Float, Int, Tensor};

use crate::graph::{Graph, NoGraph, Value};

/// A part of a body: a Burn module over images.
///
/// ```
/// use burn::module::Module;
/// use burn::tensor::{Device, Tensor};
/// use defrost::layers::{Conv2d, Conv2dConfig};
/// use defrost::ops::{ActivationFn, WindowConfig};
/// use defrost::vision::models::{Block, BodyStage};
///
/// #[derive(Module, Debug)]
/// struct Widen {
///     conv: Conv2d,
/// }
///
/// impl Block for Widen {
///     fn forward(&self, x: Tensor<4>) -> Tensor<4> {
///         self.conv.forward(x, ActivationFn::Relu)
///     }
/// }
///
/// let conv = Conv2dConfig::new(3, 8, WindowConfig::centered(3, 2)).init(&Device::flex());
/// let stage = BodyStage::named("first", 8, Widen { conv });
/// ```
pub trait Block: Module + ModuleDisplay + Sync + 'static {
    /// Runs the block.
    ///
    /// # Shapes
    ///
    /// `[batch, height, width, channels]` in and out.
    fn forward(&self, x: Tensor<4>) -> Tensor<4>;

    /// The same in a graph, where images have their channels first. A block that does not say can't be exported.
    ///
    /// # Errors
    ///
    /// If it has no graph.
    fn export(&self, _graph: &mut Graph, _x: Value) -> Result<Value, NoGraph> {
        Err(NoGraph::of::<Self>("Block::export"))
    }
}

/// A block of any type.
#[derive(Debug)]
pub struct AnyBlock(Box<dyn Object>);

impl<B: Block> From<B> for AnyBlock {
    fn from(block: B) -> Self {
        Self(Box::new(block))
    }
}

impl AnyBlock {
    /// Runs the block: `[batch, height, width, channels]` in and out.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.0.forward(x)
    }

    /// The same in a graph.
    pub(super) fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        self.0.export(graph, x)
    }
}

/// [`Block`] and [`Module`] without type parameters.
trait Object: fmt::Debug + Send + Sync {
    fn forward(&self, x: Tensor<4>) -> Tensor<4>;
    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph>;
    fn copied(&self) -> Box<dyn Object>;
    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device>;
    fn fork(self: Box<Self>, device: &Device) -> Box<dyn Object>;
    fn to_device(self: Box<Self>, device: &Device) -> Box<dyn Object>;
    fn train(self: Box<Self>) -> Box<dyn Object>;
    fn valid(&self) -> Box<dyn Object>;
    fn materialize(self: Box<Self>) -> Box<dyn Object>;
    fn visit(&self, visitor: &mut dyn AnyVisitor);
    fn map(self: Box<Self>, mapper: &mut dyn AnyMapper) -> Box<dyn Object>;
    fn format(&self, settings: DisplaySettings) -> String;
}

impl<B: Block> Object for B {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        Block::forward(self, x)
    }
    fn export(&self, graph: &mut Graph, x: Value) -> Result<Value, NoGraph> {
        Block::export(self, graph, x)
    }
    fn copied(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }
    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        Module::collect_devices(self, devices)
    }
    fn fork(self: Box<Self>, device: &Device) -> Box<dyn Object> {
        Box::new(Module::fork(*self, device))
    }
    fn to_device(self: Box<Self>, device: &Device) -> Box<dyn Object> {
        Box::new(Module::to_device(*self, device))
    }
    fn train(self: Box<Self>) -> Box<dyn Object> {
        Box::new(Module::train(*self))
    }
    fn valid(&self) -> Box<dyn Object> {
        Box::new(Module::valid(self))
    }
    fn materialize(self: Box<Self>) -> Box<dyn Object> {
        Box::new(Module::materialize(*self))
    }
    fn visit(&self, visitor: &mut dyn AnyVisitor) {
        Module::visit(self, &mut Visitor(visitor));
    }
    fn map(self: Box<Self>, mapper: &mut dyn AnyMapper) -> Box<dyn Object> {
        Box::new(Module::map(*self, &mut Mapper(mapper)))
    }
    fn format(&self, settings: DisplaySettings) -> String {
        ModuleDisplay::format(self, settings)
    }
}

impl Clone for AnyBlock {
    fn clone(&self) -> Self {
        Self(self.0.copied())
    }
}

impl Module for AnyBlock {
    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        self.0.collect_devices(devices)
    }
    fn fork(self, device: &Device) -> Self {
        Self(self.0.fork(device))
    }
    fn to_device(self, device: &Device) -> Self {
        Self(self.0.to_device(device))
    }
    fn train(self) -> Self {
        Self(self.0.train())
    }
    fn valid(&self) -> Self {
        Self(self.0.valid())
    }
    fn materialize(self) -> Self {
        Self(self.0.materialize())
    }
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        self.0.visit(visitor);
    }
    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        Self(self.0.map(mapper))
    }
}

impl ModuleDisplayDefault for AnyBlock {
    fn content(&self, _content: Content) -> Option<Content> {
        None
    }
    fn num_params(&self) -> usize {
        Module::num_params(self)
    }
}

impl ModuleDisplay for AnyBlock {
    fn format(&self, settings: DisplaySettings) -> String {
        self.0.format(settings)
    }
}

/// [`ModuleVisitor`] without type parameters. `param` is a `&Param<Tensor<D, …>>`.
trait AnyVisitor {
    fn enter(&mut self, name: &str, container: &str);
    fn exit(&mut self, name: &str, container: &str);
    fn float(&mut self, param: &dyn Any);
    fn int(&mut self, param: &dyn Any);
    fn bool(&mut self, param: &dyn Any);
    fn flag(&mut self, flag: &Param<Flag>);
}

/// [`ModuleMapper`] without type parameters. `param` is a `Param<Tensor<D, …>>`, before and after.
trait AnyMapper {
    fn enter(&mut self, name: &str, container: &str);
    fn exit(&mut self, name: &str, container: &str);
    fn float(&mut self, param: Box<dyn Any>) -> Box<dyn Any>;
    fn int(&mut self, param: Box<dyn Any>) -> Box<dyn Any>;
    fn bool(&mut self, param: Box<dyn Any>) -> Box<dyn Any>;
    fn flag(&mut self, flag: Param<Flag>) -> Param<Flag>;
}

/// Runs a macro over the ranks that parameters may have.
macro_rules! ranks {
    ($of_rank:ident!($($arguments:tt)*)) => {
        $of_rank!($($arguments)*, 1 2 3 4 5 6 7 8)
    };
}

macro_rules! visit {
    ($visitor:ident, $visit:ident, $kind:ty, $param:ident, $($rank:literal)+) => {
        $(if let Some(param) = $param.downcast_ref::<Param<Tensor<$rank, $kind>>>() {
            return $visitor.$visit(param);
        })+
    };
}

macro_rules! map {
    ($mapper:ident, $map:ident, $kind:ty, $param:ident, $($rank:literal)+) => {
        $(if $param.is::<Param<Tensor<$rank, $kind>>>() {
            return Box::new($mapper.$map(typed::<Param<Tensor<$rank, $kind>>>($param)));
        })+
    };
}

/// A parameter of a type that has been asked for, or that was given to a mapper, which keeps it.
fn typed<P: 'static>(param: Box<dyn Any>) -> P {
    match param.downcast() {
        Ok(param) => *param,
        Err(_) => unreachable!("a parameter keeps its type"),
    }
}

/// Burn has no tensors of more dimensions.
fn beyond_ranks() -> ! {
    unreachable!("a parameter has 1 to 8 dimensions")
}

impl<V: ModuleVisitor> AnyVisitor for V {
    fn enter(&mut self, name: &str, container: &str) {
        self.enter_module(name, container);
    }
    fn exit(&mut self, name: &str, container: &str) {
        self.exit_module(name, container);
    }
    fn float(&mut self, param: &dyn Any) {
        ranks!(visit!(self, visit_float, Float, param));
        beyond_ranks()
    }
    fn int(&mut self, param: &dyn Any) {
        ranks!(visit!(self, visit_int, Int, param));
        beyond_ranks()
    }
    fn bool(&mut self, param: &dyn Any) {
        ranks!(visit!(self, visit_bool, Bool, param));
        beyond_ranks()
    }
    fn flag(&mut self, flag: &Param<Flag>) {
        self.visit_flag(flag);
    }
}

impl<M: ModuleMapper> AnyMapper for M {
    fn enter(&mut self, name: &str, container: &str) {
        self.enter_module(name, container);
    }
    fn exit(&mut self, name: &str, container: &str) {
        self.exit_module(name, container);
    }
    fn float(&mut self, param: Box<dyn Any>) -> Box<dyn Any> {
        ranks!(map!(self, map_float, Float, param));
        beyond_ranks()
    }
    fn int(&mut self, param: Box<dyn Any>) -> Box<dyn Any> {
        ranks!(map!(self, map_int, Int, param));
        beyond_ranks()
    }
    fn bool(&mut self, param: Box<dyn Any>) -> Box<dyn Any> {
        ranks!(map!(self, map_bool, Bool, param));
        beyond_ranks()
    }
    fn flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        self.map_flag(flag)
    }
}

/// An [`AnyVisitor`] as Burn's modules want to see it.
struct Visitor<'a>(&'a mut dyn AnyVisitor);

impl ModuleVisitor for Visitor<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.0.enter(name, container);
    }
    fn exit_module(&mut self, name: &str, container: &str) {
        self.0.exit(name, container);
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.float(param);
    }
    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.0.int(param);
    }
    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.0.bool(param);
    }
    fn visit_flag(&mut self, flag: &Param<Flag>) {
        self.0.flag(flag);
    }
}

/// An [`AnyMapper`] as Burn's modules want to see it.
struct Mapper<'a>(&'a mut dyn AnyMapper);

impl ModuleMapper for Mapper<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.0.enter(name, container);
    }
    fn exit_module(&mut self, name: &str, container: &str) {
        self.0.exit(name, container);
    }
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        typed(self.0.float(Box::new(param)))
    }
    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        typed(self.0.int(Box::new(param)))
    }
    fn map_bool<const D: usize>(&mut self, param: Param<Tensor<D, Bool>>) -> Param<Tensor<D, Bool>> {
        typed(self.0.bool(Box::new(param)))
    }
    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        self.0.flag(flag)
    }
}
