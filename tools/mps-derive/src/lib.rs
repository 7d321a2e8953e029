//! `#[derive(Trace)]`: implements `mps::Trace` for structures and enumerations all parts of which
//! have it.
//!
//! There is no way to leave a part out. A part without `Trace` is an error of the compiler's, at
//! that part.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, parse_macro_input, parse_quote};

/// See the crate.
#[proc_macro_derive(Trace)]
pub fn trace(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(parse_macro_input!(input as DeriveInput)).into()
}

/// A pattern that names all fields, and calls for each of them.
fn parts(fields: &Fields) -> (TokenStream, TokenStream) {
    let names: Vec<_> = (0..fields.len()).map(|i| format_ident!("part_{i}")).collect();
    let calls = fields.iter().zip(&names).map(|(f, name)| {
        let of = &f.ty;
        quote_spanned! { of.span() => <#of as ::mps::Trace>::trace(#name, t); }
    });
    let calls = quote! { #(#calls)* };
    let pattern = match fields {
        Fields::Named(f) => {
            let of = f.named.iter().map(|f| &f.ident);
            quote! { { #(#of: #names),* } }
        }
        Fields::Unnamed(_) => quote! { ( #(#names),* ) },
        Fields::Unit => quote! {},
    };
    (pattern, calls)
}

fn derive(mut input: DeriveInput) -> TokenStream {
    for p in input.generics.type_params_mut() {
        p.bounds.push(parse_quote!(::mps::Trace));
    }
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let body = match &input.data {
        Data::Struct(s) => {
            let (pattern, calls) = parts(&s.fields);
            quote! { let Self #pattern = self; #calls }
        }
        Data::Enum(e) if e.variants.is_empty() => quote! { match *self {} },
        Data::Enum(e) => {
            let arms = e.variants.iter().map(|v| {
                let (variant, (pattern, calls)) = (&v.ident, parts(&v.fields));
                quote! { Self::#variant #pattern => { #calls } }
            });
            quote! { match self { #(#arms)* } }
        }
        Data::Union(u) => {
            return syn::Error::new(u.union_token.span, "nobody knows what is in a union")
                .to_compile_error();
        }
    };
    // A type that a value can be cast to has the heap's lifetime for its only parameter, or none.
    let plain = input.generics.type_params().count() + input.generics.const_params().count() == 0
        && input.generics.lifetimes().count() <= 1;
    let tag = plain.then(|| {
        quote! {
            const TAG: ::core::option::Option<&'static ::mps::TypeTag> = {
                static TAG: ::mps::TypeTag = ::mps::TypeTag::new();
                ::core::option::Option::Some(&TAG)
            };
        }
    });
    let dynamic = plain.then(|| {
        let own = input.generics.lifetimes().next().map(|l| l.lifetime.clone());
        let heap = own.clone().unwrap_or_else(|| syn::Lifetime::new("'id", name.span()));
        let of = own.map(|l| quote! { <#l> });
        quote! {
            // SAFETY: the tag is a static of this type's own; the lifetime is the heap's.
            #[automatically_derived]
            unsafe impl<#heap> ::mps::Dynamic<#heap> for #name #of {}
        }
    });
    quote! {
        #dynamic
        // SAFETY: every part is visited, and none can be taken out, by their own traits.
        #[automatically_derived]
        unsafe impl #generics ::mps::Trace for #name #arguments #bounds {
            #tag
            #[inline]
            fn trace(&self, t: &mut ::mps::Tracer<'_>) {
                #body
            }
        }
    }
}
